import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

/** A folder that runs by itself under plain Node: code, and the files that it reads at run time. */
interface Bundle {
  /** Its folder in the build. */
  readonly name: string;
  /** Paths under src/, without their ending, by the name that each has in the bundle. */
  readonly entries: Readonly<Record<string, string>>;
  /** What it reads at run time; see src/project-files.ts. */
  readonly files: readonly string[];
  /** The most that its code may weigh: some 20 % above what it did when that was last looked at. */
  readonly budgetKb: number;
}

/** For containers: both processes and the operators' commands. */
const APP: Bundle = {
  name: 'app',
  entries: { api: 'api', worker: 'worker', cli: 'cli' },
  files: ['schema', 'db'],
  budgetKb: 7_700,
};

/** For AWS Lambda: a package for each function, whose handler is `index.handler`. */
const LAMBDAS: readonly Bundle[] = [
  lambda('api', { files: ['schema'], budgetKb: 3_200 }),
  lambda('update-summaries', { budgetKb: 920 }),
  lambda('post-confirmation', { budgetKb: 310 }),
];

/** What a bundle weighs, source maps and files apart. */
export interface BundleSize {
  readonly name: string;
  readonly kb: number;
  readonly budgetKb: number;
}

const ROOT = new URL('../', import.meta.url);

/** Makes every bundle in the folder. */
export async function buildBundles(folder: string): Promise<BundleSize[]> {
  const external = await developmentPackages();
  return Promise.all([
    bundle(folder, APP, { external, sourcemap: true }),
    ...LAMBDAS.map((each) => bundle(folder, each, { external, minify: true, outExtension: { '.js': '.mjs' } })),
  ]);
}

function lambda(name: string, { files = [], budgetKb }: { files?: readonly string[]; budgetKb: number }): Bundle {
  return { name: `lambda/${name}`, entries: { index: `lambda/${name}` }, files, budgetKb };
}

async function bundle(parent: string, { name, entries, files, budgetKb }: Bundle, options: BuildOptions) {
  const folder = join(parent, name);
  await rm(folder, { recursive: true, force: true });
  const { metafile } = await build({
    ...options,
    entryPoints: Object.fromEntries(
      Object.entries(entries).map(([entry, path]) => [entry, fileURLToPath(new URL(`src/${path}.ts`, ROOT))]),
    ),
    outdir: folder,
    // The AWS SDK too: Lambda's runtime brings one, but which is Amazon's to change, and this one is what the tests ran with.
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    // What is imported dynamically is loaded when it is needed, if ever.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    // Errors and plugins go by the names of their classes and functions.
    keepNames: true,
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
    external: ['pg-native', ...(options.external ?? [])],
    banner: { js: REQUIRE },
  });
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ private: true, type: 'module' })}\n`);
  for (const each of files) await cp(new URL(each, ROOT), join(folder, each), { recursive: true });
  const code = Object.entries(metafile.outputs).filter(([path]) => /\.m?js$/.test(path));
  return { name, kb: Math.ceil(code.reduce((sum, [, { bytes }]) => sum + bytes, 0) / 1000), budgetKb };
}

/** CommonJS packages in a bundle of ES modules ask for Node's own modules by `require`. */
const REQUIRE = `import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta.url);`;

/** Nothing that is for development gets into a bundle; what imports such a package fails when it gets there. */
async function developmentPackages(): Promise<string[]> {
  const { devDependencies, optionalDependencies } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8'));
  return Object.keys({ ...devDependencies, ...optionalDependencies });
}
