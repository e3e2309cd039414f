import { readFileSync } from 'node:fs';
import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import { projectFile } from '../project-files.ts';

/** The operations that Sandbox opens with: all patterns, ready to run. */
export const SANDBOX_DOCUMENT = readFileSync(projectFile('schema/examples/sandbox.graphql'), 'utf8');

/** Apollo Sandbox as the landing page, signed in with the token. */
export function sandbox(token: string | undefined): ApolloServerPlugin<BaseContext> {
  const headers = token ? { headers: { authorization: `Bearer ${token}` } } : {};
  return ApolloServerPluginLandingPageLocalDefault({
    footer: false,
    document: SANDBOX_DOCUMENT,
    ...headers,
    embed: { runTelemetry: false, endpointIsEditable: false },
  });
}
