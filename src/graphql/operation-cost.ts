import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  isAbstractType,
  isCompositeType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../messaging/paging.ts';
import { MAX_FOUND } from '../users/search.ts';

/** Fields of the schema that are pages: what an entry costs counts as often as the page may have entries. */
const PAGES = new Set(['Query.messages', 'Query.messageGroups']);

/** The field whose list holds its objects without edges. */
const USERS = 'Query.users';

/** The members of a group count as so many, although a group may have 50: most have few, and a page of groups shows them all. */
const MEMBERS = 'MessageGroup.members';
const MEMBERS_COUNTED = 10;

interface PageSizes {
  readonly first?: unknown;
  readonly last?: unknown;
}

/** Returns how many entries a page may have. The operation itself refuses a size out of range, with a better reason. */
function pageSize({ first, last }: PageSizes): number {
  const size = Number(first ?? last ?? DEFAULT_PAGE_SIZE);
  return Number.isFinite(size) ? Math.min(Math.max(size, 0), MAX_PAGE_SIZE) : DEFAULT_PAGE_SIZE;
}

/**
 * Returns what an operation costs: 1 for each object, and for a page the cost of an entry for each that it may hold. So a page of 100
 * messages with their senders costs 301, one of 10 costs 31, and one of 10 without senders 21. The members of a group count as 10.
 *
 * It counts what graphql-js executes: fields of one response name are one field, and directives decide by the variables. See "Field
 * Collection" in the GraphQL specification.
 *
 * @param variables the operation's variables, coerced; without them, the most that the operation costs whatever they are
 */
export function operationCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables?: Readonly<Record<string, unknown>>,
): number {
  const fragments = new Map(
    document.definitions
      .filter((each): each is FragmentDefinitionNode => each.kind === Kind.FRAGMENT_DEFINITION)
      .map((each) => [each.name.value, each.selectionSet]),
  );

  function costOfObject(type: GraphQLObjectType, selectionSets: readonly SelectionSetNode[]): number {
    const fields = new Map<string, FieldNode[]>();
    const visited = new Set<string>();
    try {
      for (const selectionSet of selectionSets) collect(selectionSet, fields, visited);
    } catch {
      // A directive whose condition is null: the object is an error, and none of its fields is executed.
      return 0;
    }
    let cost = 0;
    for (const nodes of fields.values()) cost += costOfField(type, nodes);
    return cost;
  }

  function costOfField(type: GraphQLObjectType, nodes: readonly FieldNode[]): number {
    const [node] = nodes as [FieldNode];
    const field = type.getFields()[node.name.value];
    const named = field && getNamedType(field.type);
    // Neither leaves nor introspection reads anything.
    if (!field || !isCompositeType(named)) return 0;
    const selectionSets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    const types = isAbstractType(named) ? schema.getPossibleTypes(named) : [named];
    const childCost = Math.max(...types.map((each) => costOfObject(each, selectionSets)));
    const name = `${type.name}.${field.name}`;
    if (name === USERS) return 1 + Math.min(entriesOf(field, node), MAX_FOUND) * (1 + childCost);
    if (name === MEMBERS) return MEMBERS_COUNTED * (1 + childCost);
    return 1 + (PAGES.has(name) ? entriesOf(field, node) * childCost : childCost);
  }

  function entriesOf(field: GraphQLField<unknown, unknown>, node: FieldNode): number {
    if (!variables) return MAX_PAGE_SIZE;
    try {
      return pageSize(getArgumentValues(field, node, variables));
    } catch {
      // An argument is null that may not be: the field is an error, and is not executed.
      return 0;
    }
  }

  function collect({ selections }: SelectionSetNode, fields: Map<string, FieldNode[]>, visited: Set<string>): void {
    for (const selection of selections) {
      if (variables && !isIncluded(selection, variables)) continue;
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value;
        const nodes = fields.get(name);
        if (nodes) nodes.push(selection);
        else fields.set(name, [selection]);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        collect(selection.selectionSet, fields, visited);
      } else if (!visited.has(selection.name.value)) {
        visited.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment) collect(fragment, fields, visited);
      }
    }
  }

  const root = schema.getRootType(operation.operation);
  return root ? costOfObject(root, [operation.selectionSet]) : 0;
}

/** @throws GraphQLError if a directive's condition is null */
function isIncluded(selection: SelectionNode, variables: Readonly<Record<string, unknown>>): boolean {
  if (getDirectiveValues(GraphQLSkipDirective, selection, variables)?.['if'] === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, selection, variables)?.['if'] !== false;
}
