import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import * as z from 'zod';

/** A service of docker-compose.yml, as far as it is run here. */
const service = z.looseObject({
  image: z.string(),
  build: z.string().optional(),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  healthcheck: z
    .object({ test: z.array(z.string()) })
    .loose()
    .optional(),
  stop_grace_period: z.string().optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
});
const file = z.object({ services: z.record(z.string(), z.unknown()) }).loose();

export type Service = z.infer<typeof service>;

export const ROOT = new URL('../../', import.meta.url);

/** A service as Compose would run it: with values in the place of variables, and the image's environment beneath its own. */
export function readService(name: string, variables: Readonly<Record<string, string>>): Service {
  const { services } = file.parse(parse(textOf('docker-compose.yml'), { merge: true }));
  const found = service.parse(interpolated(services[name], variables));
  return { ...found, environment: found.build ? { ...imageEnvironment(), ...found.environment } : found.environment };
}

/** The names of all services. */
export function serviceNames(): string[] {
  return Object.keys(file.parse(parse(textOf('docker-compose.yml'), { merge: true })).services);
}

/** See "Interpolation" in the Compose specification; what the file uses of it. */
function interpolated(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{(\w+)(?::-([^}]*))?\}/g, (_, name, otherwise = '') => variables[name] || otherwise);
  }
  if (Array.isArray(value)) return value.map((each) => interpolated(each, variables));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, interpolated(each, variables)]));
}

/** The variables that the last stage of the Dockerfile sets. */
function imageEnvironment(): Record<string, string> {
  const stage =
    textOf('Dockerfile')
      .split(/^FROM /m)
      .at(-1) ?? '';
  const [, lines = ''] = /^ENV ((?:.*\\\n)*.*)$/m.exec(stage) ?? [];
  return Object.fromEntries(Array.from(lines.matchAll(/(\w+)=(\S+)/g), ([, name, value]) => [name, value]));
}

/** The files and folders that .dockerignore lets into the context. */
export function contextFiles(): string[] {
  return Array.from(textOf('.dockerignore').matchAll(/^!(\S+)$/gm), ([, path = '']) => path);
}

function textOf(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}
