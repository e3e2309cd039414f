import { readFileSync } from 'node:fs';
import { type CollectionTag, parse, type ScalarTag, type YAMLSeq } from 'yaml';

/** A template of CloudFormation, with its intrinsic functions carried out as far as deploy/template.yaml uses them. */

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a template
type Value = any;

export interface Resource {
  readonly Type: string;
  readonly Condition?: string;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly Properties: Value;
}

interface ParameterDefinition {
  readonly Type: string;
  readonly Default?: string | number;
  readonly AllowedPattern?: string;
  readonly MinValue?: number;
  readonly MaxValue?: number;
  readonly NoEcho?: boolean;
}

interface Template {
  readonly Parameters: Record<string, ParameterDefinition>;
  readonly Conditions: Record<string, Value>;
  readonly Globals: { readonly Function: Value };
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, { readonly Condition?: string; readonly Value: Value }>;
}

/** A template for one set of parameters: what would be made, and with which properties. */
export interface Stack {
  readonly resources: Readonly<Record<string, Resource>>;
  readonly outputs: Readonly<Record<string, Value>>;
  /** Properties that each function has unless it says otherwise. */
  readonly functionDefaults: Value;
}

/** The parameters of a template, by their names. */
export function parameterDefinitions(file: URL): Template['Parameters'] {
  return (parse(readFileSync(file, 'utf8'), { customTags: TAGS }) as Template).Parameters;
}

/** Where the stacks of tests are. */
export const REGION = 'eu-central-1';

const PSEUDO_PARAMETERS: Record<string, unknown> = {
  'AWS::Region': REGION,
  'AWS::AccountId': '123456789012',
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::StackName': 'cruddur',
  'AWS::NoValue': undefined,
};

/** What the template makes of these parameters, and the defaults of the others. */
export function stackOf(file: URL, parameters: Readonly<Record<string, string>>): Stack {
  const template: Template = parse(readFileSync(file, 'utf8'), { customTags: TAGS });
  const given = parametersOf(template, parameters);

  const holds = (condition: string | undefined): boolean =>
    condition === undefined || Boolean(evaluate(template.Conditions[condition]));

  const reference = (name: string): unknown => {
    if (name in PSEUDO_PARAMETERS) return PSEUDO_PARAMETERS[name];
    if (given.has(name)) return given.get(name);
    const resource = resourceNamed(name);
    return resource.Type === 'AWS::DynamoDB::Table' ? evaluate(resource.Properties.TableName) : name;
  };

  const attribute = (name: string, key: string): string => {
    if (resourceNamed(name).Type !== 'AWS::DynamoDB::Table') return `${name}.${key}`;
    const arn = `arn:aws:dynamodb:${REGION}:123456789012:table/${reference(name)}`;
    return key === 'StreamArn' ? `${arn}/stream/2026-03-01T09:30:00.000` : arn;
  };

  function resourceNamed(name: string): Resource {
    const resource = template.Resources[name];
    if (!resource) throw new Error(`The template has no ${name}`);
    if (!holds(resource.Condition)) throw new Error(`${name} is spoken of, and not made`);
    return resource;
  }

  const functions: Record<string, (argument: Value) => unknown> = {
    Ref: reference,
    'Fn::GetAtt': (path: string) => attribute(...(path.split('.', 2) as [string, string])),
    'Fn::Sub': (text: string) =>
      text.replace(/\$\{([^}]+)\}/g, (_, name: string) =>
        String(name.includes('.') ? attribute(...(name.split('.', 2) as [string, string])) : reference(name)),
      ),
    'Fn::If': ([condition, yes, no]) => evaluate(holds(condition) ? yes : no),
    'Fn::Equals': ([a, b]) => evaluate(a) === evaluate(b),
    'Fn::Not': ([condition]) => !evaluate(condition),
    'Fn::Join': ([separator, parts]) => (evaluate(parts) as string[]).join(separator),
  };

  function evaluate(value: Value): Value {
    if (Array.isArray(value)) return value.map(evaluate).filter((each) => each !== undefined);
    if (value === null || typeof value !== 'object') return value;
    const [[name = '', argument] = [], ...more] = Object.entries(value);
    const call = more.length === 0 ? functions[name] : undefined;
    if (call) return call(argument);
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, each]) => {
        const evaluated = evaluate(each);
        return evaluated === undefined ? [] : [[key, evaluated]];
      }),
    );
  }

  const made = Object.entries(template.Resources).filter(([, { Condition }]) => holds(Condition));
  const told = Object.entries(template.Outputs).filter(([, { Condition }]) => holds(Condition));
  return {
    resources: Object.fromEntries(
      made.map(([name, resource]) => [name, { ...resource, Properties: evaluate(resource.Properties) }]),
    ),
    outputs: Object.fromEntries(told.map(([name, output]) => [name, evaluate(output.Value)])),
    functionDefaults: evaluate(template.Globals.Function),
  };
}

function parametersOf(template: Template, parameters: Readonly<Record<string, string>>): Map<string, unknown> {
  return new Map(
    Object.entries(template.Parameters).map(([name, { Type: type, Default: fallback }]) => {
      const value = parameters[name] ?? fallback;
      if (value === undefined) throw new Error(`The parameter ${name} is required`);
      return [name, type === 'CommaDelimitedList' ? String(value).split(',') : value];
    }),
  );
}

/** The short forms of intrinsic functions. */
const TAGS = [
  ...['Ref', 'Fn::Sub', 'Fn::GetAtt'].map(
    (name): ScalarTag => ({ tag: tagOf(name), resolve: (text) => ({ [name]: text }) }),
  ),
  ...['Fn::If', 'Fn::Equals', 'Fn::Not', 'Fn::Join'].map(
    (name): CollectionTag => ({
      tag: tagOf(name),
      collection: 'seq',
      resolve: (list) => ({ [name]: (list as YAMLSeq).toJSON() }),
    }),
  ),
];

function tagOf(name: string): string {
  return `!${name.replace('Fn::', '')}`;
}
