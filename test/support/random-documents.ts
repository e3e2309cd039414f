import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';

/** A request that a client could send: most are valid, some are not. */
export interface RandomRequest {
  readonly query: string;
  readonly operationName?: string;
  readonly variables: Record<string, unknown>;
}

/** Values for arguments by their name, as GraphQL's literals of JSON. */
export type ArgumentValues = Readonly<Record<string, readonly unknown[]>>;

/** Makes numbers from 0 to 1 from a seed: mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Aliases that are hard for code that keeps fields in objects. */
const ALIASES = ['a', 'b', 'c', '__proto__', 'constructor', 'toString', 'then', 'id', 'edges', 'length', 'data'];
const FRAGMENT_NAMES = ['F', 'G', 'H', 'toString', 'Query', '__proto__'];
const MUTATIONS = [
  'createMessage(input: { to: { recipientHandles: [] }, body: "x" }) { message { id } userErrors { code path } }',
  'createMessage(input: { to: { messageGroupId: "none" }, body: " " }) { deduplicated userErrors { code } }',
  'markMessageGroupRead(input: { messageGroupId: "none", sequence: 1 }) { messageGroup { id } userErrors { code } }',
  'createMessage(input: { to: { messageGroupId: "none" }, body: "x", clientMessageId: "#" }) { deduplicated }',
  '__typename',
];

interface Variable {
  readonly name: string;
  readonly definition: string;
  /** Undefined for a variable that is not sent. */
  readonly value: unknown;
}

/** A field with its arguments, and the name that its result always has: another would be a conflict. */
interface Variant {
  readonly field: GraphQLField<unknown, unknown>;
  readonly alias: string | undefined;
  readonly args: string;
}

/** Makes a random request from a seed; the same one for the same seed. */
export function randomRequest(schema: GraphQLSchema, values: ArgumentValues, seed: number): RandomRequest {
  const random = randomNumbers(seed);
  const chance = (probability: number) => random() < probability;
  const below = (count: number) => Math.floor(random() * count);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;

  const hasDirectives = chance(0.5);
  const hasOddAliases = chance(0.15);
  const variables = new Map<string, Variable>();
  const variants = new Map<string, Variant[]>();
  const types = Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('__') && isOfQueries(type),
  );
  const fragments = FRAGMENT_NAMES.slice(0, below(FRAGMENT_NAMES.length + 1)).map((name) => ({
    name,
    type: chance(0.3) ? (schema.getQueryType() as GraphQLObjectType) : pick(types),
  }));

  function isOfQueries({ name }: GraphQLObjectType): boolean {
    return name !== 'Mutation' && !/Payload$|Error$/.test(name);
  }

  function variable(type: string, choices: readonly unknown[], isNullable: boolean): string {
    const kind = pick(isNullable ? ['plain', 'default', 'required'] : ['default', 'required', 'required default']);
    const wanted = pick(['x', 'y', 'z', ...(hasOddAliases ? ['toString', 'constructor'] : [])]);
    const name = variables.has(wanted) ? `${wanted}${variables.size}` : wanted;
    const hasDefault = kind.includes('default');
    const definition = `$${name}: ${type}${kind.includes('required') ? '!' : ''}${hasDefault ? ` = ${JSON.stringify(pick(choices))}` : ''}`;
    const mayBeAbsent = hasDefault || kind === 'plain';
    const value =
      mayBeAbsent && chance(0.4)
        ? undefined
        : chance(kind === 'required' ? 0.02 : 0.15)
          ? null
          : chance(0.02)
            ? { wrong: true }
            : pick(choices);
    variables.set(name, { name, definition, value });
    return `$${name}`;
  }

  function directives(): string {
    if (!hasDirectives || !chance(0.25)) return '';
    const one = (name: string) =>
      `@${name}(if: ${chance(0.5) ? variable('Boolean', [true, false], false) : chance(0.5)})`;
    return chance(0.2) ? ` ${one('skip')} ${one('include')}` : ` ${one(pick(['skip', 'include']))}`;
  }

  function argument({ name, type }: GraphQLArgument): string | undefined {
    const isRequired = isNonNullType(type);
    if (!isRequired && !chance(0.35)) return undefined;
    const named = getNamedType(type);
    if (isInputObjectType(named)) return undefined;
    const choices = values[name] ?? values[named.name] ?? ['x'];
    const nullable = getNullableType(type);
    if (isListType(nullable)) return `${name}: [${JSON.stringify(pick(choices))}]`;
    if (chance(0.4)) return `${name}: ${variable(named.name, choices, !isRequired)}`;
    return `${name}: ${!isRequired && chance(0.2) ? 'null' : JSON.stringify(pick(choices))}`;
  }

  function variant(type: GraphQLObjectType): Variant {
    const field = pick(Object.values(type.getFields()));
    const known = variants.get(type.name) ?? [];
    variants.set(type.name, known);
    const same = known.filter((each) => each.field === field);
    if (same.length > 0 && chance(0.7)) return pick(same);
    const given = field.args.map(argument).filter((each) => each !== undefined);
    const free = (hasOddAliases ? ALIASES : ['a', 'b', 'c', 'd', 'e']).filter((name) =>
      known.every((each) => (each.alias ?? each.field.name) !== name),
    );
    const isTaken = known.some((each) => (each.alias ?? each.field.name) === field.name);
    const alias = (isTaken || chance(0.2)) && free.length > 0 ? pick(free) : undefined;
    if (isTaken && !alias) return pick(same.length > 0 ? same : known);
    const made = { field, alias, args: given.length > 0 ? `(${given.join(', ')})` : '' };
    known.push(made);
    return made;
  }

  function selection(type: GraphQLObjectType, depth: number, usable: typeof fragments): string {
    const spreads = usable.filter((each) => each.type === type);
    if (spreads.length > 0 && chance(0.3)) return `...${pick(spreads).name}${directives()}`;
    if (depth > 0 && chance(0.12)) {
      return `...${chance(0.5) ? ` on ${type.name}` : ''}${directives()} ${selections(type, depth - 1, usable)}`;
    }
    if (chance(0.08)) return `__typename${directives()}`;
    if (type === schema.getQueryType() && chance(0.03)) return `__type(name: "User") { kind fields { name } }`;
    const { field, alias, args } = variant(type);
    const named = getNamedType(field.type);
    if (isObjectType(named) && depth === 0) return '__typename';
    const below = isObjectType(named) ? ` ${selections(named, depth - 1, usable)}` : '';
    return `${alias ? `${alias}: ` : ''}${field.name}${args}${directives()}${below}`;
  }

  function selections(type: GraphQLObjectType, depth: number, usable: typeof fragments): string {
    const count = 1 + below(3);
    return `{ ${Array.from({ length: count }, () => selection(type, depth, usable)).join(' ')} }`;
  }

  // A fragment uses those after it alone, so that none is within itself.
  const bodies = fragments.map(({ name, type }, index) => ({
    name,
    text: `fragment ${name} on ${type.name} ${selections(type, 4, fragments.slice(index + 1))}`,
  }));
  const names = chance(0.25) ? ['A', 'B', 'toString'].slice(0, 2 + below(2)) : [chance(0.5) ? 'A' : ''];
  const operations = names.map((name) => ({
    name,
    body: chance(0.06)
      ? { kind: 'mutation', text: `{ ${pick(MUTATIONS)} second: ${pick(MUTATIONS)} }` }
      : { kind: 'query', text: selections(schema.getQueryType() as GraphQLObjectType, 6, fragments) },
  }));

  /** A text with all fragments that it reaches. */
  function reached(text: string): readonly string[] {
    const found = new Set<string>();
    const visit = (from: string) => {
      for (const { name, text } of bodies) {
        if (found.has(name) || !new RegExp(`\\.\\.\\.${name}\\b`).test(from)) continue;
        found.add(name);
        visit(text);
      }
    };
    visit(text);
    return [...found];
  }

  const used = new Set<string>();
  const texts = operations.map(({ name, body: { kind, text } }) => {
    const within = reached(text);
    for (const fragment of within) used.add(fragment);
    const all = [text, ...bodies.filter((each) => within.includes(each.name)).map((each) => each.text)].join(' ');
    const declared = [...variables.values()].filter(({ name: of }) => new RegExp(`\\$${of}\\b`).test(all));
    const definitions = declared.map(({ definition }) => definition).join(', ');
    if (kind === 'query' && !name && !definitions && chance(0.5)) return text;
    return `${kind} ${name}${definitions && `(${definitions})`} ${text}`;
  });
  const isWrong = chance(0.06);
  const operationName = isWrong
    ? pick(['X', '', 'a'])
    : names.length > 1 || chance(0.3)
      ? chance(0.03)
        ? undefined
        : pick(names) || undefined
      : undefined;
  return {
    query: [...texts, ...bodies.filter(({ name }) => used.has(name)).map(({ text }) => text)].join('\n'),
    ...(operationName !== undefined && { operationName }),
    variables: Object.fromEntries(
      [...variables.values()].filter(({ value }) => value !== undefined).map(({ name, value }) => [name, value]),
    ),
  };
}
