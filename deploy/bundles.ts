import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Metafile } from 'esbuild';

/** A folder that runs by itself under plain Node: code, and the files that it reads at run time. */
interface Bundle {
  /** Its folder in the build. */
  readonly name: string;
  readonly entries: readonly Entry[];
  /** What it reads at run time; see src/project-files.ts. */
  readonly files: readonly string[];
}

/** A module that can be started. */
interface Entry {
  /** Its name in the bundle, without its ending. */
  readonly name: string;
  /** Its path under src/. */
  readonly source: string;
  /**
   * The most code that a start may load, which is what a start takes time for; some 20 % above what it was when that was last
   * looked at. What is imported dynamically does not count.
   */
  readonly budgetKb: number;
}

/** For containers: both processes and the operators' commands. */
const APP: Bundle = {
  name: 'app',
  entries: [
    { name: 'api', source: 'api.ts', budgetKb: 7_200 },
    { name: 'worker', source: 'worker.ts', budgetKb: 2_300 },
    { name: 'cli', source: 'cli.ts', budgetKb: 2_500 },
  ],
  files: ['schema', 'db'],
};

/** For AWS Lambda: a package for each function, whose handler is `index.handler`. */
const LAMBDAS: readonly Bundle[] = [
  lambda('api', { files: ['schema'], budgetKb: 2_800 }),
  lambda('update-summaries', { budgetKb: 1_300 }),
  lambda('repair-summaries', { budgetKb: 1_000 }),
  lambda('post-confirmation', { budgetKb: 310 }),
];

/** Errors and plugins go by the names of their classes and functions, which are kept where others are shortened. */
const MINIFIED: BuildOptions = { minify: true, keepNames: true };

/** How much code a start loads. */
export interface StartSize {
  /** The entry's path in the build. */
  readonly entry: string;
  readonly kb: number;
  readonly budgetKb: number;
}

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Makes every bundle in the folder, whose path may be relative to the project's root. */
export async function buildBundles(folder: string): Promise<StartSize[]> {
  const external = await developmentPackages();
  const sizes = await Promise.all([
    bundle(folder, APP, '.js', { external, sourcemap: true }),
    ...LAMBDAS.map((each) => bundle(folder, each, '.mjs', { external, ...MINIFIED })),
  ]);
  return sizes.flat();
}

function lambda(name: string, { files = [], budgetKb }: { files?: readonly string[]; budgetKb: number }): Bundle {
  return { name: `lambda/${name}`, entries: [{ name: 'index', source: `lambda/${name}.ts`, budgetKb }], files };
}

async function bundle(parent: string, { name, entries, files }: Bundle, ending: string, options: BuildOptions) {
  const folder = resolve(ROOT, parent, name);
  await rm(folder, { recursive: true, force: true });
  const { metafile } = await build({
    ...options,
    absWorkingDir: ROOT,
    entryPoints: entries.map((entry) => ({ in: join('src', entry.source), out: entry.name })),
    outdir: folder,
    outExtension: { '.js': ending },
    // The AWS SDK too: Lambda's runtime brings one, but which is Amazon's to change, and this one is what the tests ran with.
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    // What is imported dynamically is loaded when it is needed, if ever.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    // It asks for Node's own in a way that no bundler sees, and then makes do with one in JavaScript.
    alias: { '@apollo/utils.createhash': join(ROOT, 'deploy/create-hash.ts') },
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
    external: ['pg-native', ...(options.external ?? [])],
    banner: { js: REQUIRE },
  });
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ private: true, type: 'module' })}\n`);
  for (const each of files) await cp(join(ROOT, each), join(folder, each), { recursive: true });
  return entries.map((entry): StartSize => {
    const file = `${entry.name}${ending}`;
    const kb = startKb(metafile, relative(ROOT, join(folder, file)));
    return { entry: `${name}/${file}`, kb, budgetKb: entry.budgetKb };
  });
}

/** CommonJS packages in a bundle of ES modules ask for Node's own modules by `require`. */
const REQUIRE = `import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta.url);`;

/** Nothing that is for development gets into a bundle; what imports such a package fails when it gets there. */
async function developmentPackages(): Promise<string[]> {
  const { devDependencies, optionalDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  return Object.keys({ ...devDependencies, ...optionalDependencies });
}

/** The weight of an output, and of all that it imports statically. */
function startKb({ outputs }: Metafile, entry: string): number {
  const loaded = new Set([entry]);
  let bytes = 0;
  for (const path of loaded) {
    const output = outputs[path];
    if (!output) throw new Error(`The build has no ${path}`);
    bytes += output.bytes;
    for (const each of output.imports) if (each.kind === 'import-statement' && !each.external) loaded.add(each.path);
  }
  return Math.ceil(bytes / 1000);
}
