import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';
import { EXPECTED, SECRETS, toldName } from './folder.ts';
import { type Search, type Secret, searchFor } from './search.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of all logs of the run; see folder.ts. */
    logs: string;
  }
}

/** As many leaks are told of. */
const MOST_TOLD = 20;

/** Keeps the logs of a run, and searches them when it is over: it fails if any holds a secret. */
export default async function keepLogs(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'cruddur-logs-'));
  project.provide('logs', folder);
  return async () => {
    const { problems, searched } = await searchLogs(folder);
    await rm(folder, { recursive: true, force: true });
    process.stdout.write(`\n${searched}\n`);
    if (problems.length === 0) return;
    process.stderr.write(`\n${problems.slice(0, MOST_TOLD).join('\n')}\n${problems.length} in all\n`);
    // Vitest tells of an error here, but ends as if there had been none.
    process.exitCode = 1;
  };
}

interface Outcome {
  /** A sentence for each leak, and for each log that is empty and must not be. */
  readonly problems: readonly string[];
  /** What was searched, and for how much. */
  readonly searched: string;
}

async function searchLogs(folder: string): Promise<Outcome> {
  const names = (await readdir(folder)).sort();
  const secrets = await secretsOf(folder, names);
  const search = searchFor(secrets);
  const problems: string[] = [];
  const logs = names.filter((name) => /\.(log|output)$/.test(name));
  let count = 0;
  for (const name of logs) {
    const { leaks, lines } = await leaksOf(folder, name, search);
    problems.push(...leaks);
    count += lines;
  }
  for (const name of names.filter((each) => each.endsWith(EXPECTED))) {
    const log = name.slice(0, -EXPECTED.length);
    if (!logs.includes(log)) problems.push(`${toldName(log)}: nothing was logged, or it was not kept`);
  }
  return { problems, searched: `${count} lines of ${logs.length} logs searched for ${secrets.length} secrets` };
}

async function secretsOf(folder: string, names: readonly string[]): Promise<Secret[]> {
  const files = await Promise.all(
    names.filter((name) => name.endsWith(SECRETS)).map((name) => readFile(join(folder, name), 'utf8')),
  );
  return files.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => JSON.parse(line) as Secret);
}

async function leaksOf(folder: string, name: string, search: Search) {
  const leaks: string[] = [];
  let lines = 0;
  for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
    lines += 1;
    const found = search.leaksIn(line, name.endsWith('.output'));
    if (found[0]) {
      const what = [...new Set(found.map((leak) => leak.what))].join(', ');
      leaks.push(`${toldName(name)}, line ${lines}: ${what}: ${found[0].excerpt}`);
    }
  }
  return { leaks, lines };
}
