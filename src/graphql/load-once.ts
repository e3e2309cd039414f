import type { GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import type { Context } from './context.ts';

/**
 * Makes each field of `Query` load once per request and arguments. An operation may be executed twice: by compiled code, and by Apollo
 * Server if that finds errors. A field that is asked for twice under aliases is loaded once too.
 */
export function loadOnce(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getQueryType()?.getFields() ?? {})) {
    const resolve = field.resolve as GraphQLFieldResolver<unknown, Context> | undefined;
    if (!resolve) continue;
    field.resolve = (source, args, context: Context, info) =>
      context.loaders.once(keyOf(field.name, args), () => resolve(source, args, context, info));
  }
  return schema;
}

/** Names a field and its arguments, in whatever order the arguments come. */
function keyOf(field: string, args: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  return JSON.stringify([field, given.sort(([a], [b]) => (a < b ? -1 : 1))]);
}
