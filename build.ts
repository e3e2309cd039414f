import { buildBundles } from './deploy/bundles.ts';

/** What `npm run build` runs: makes the bundles in dist/, and fails when one loads more than it may. */
const sizes = await buildBundles('dist');
for (const { entry, kb, budgetKb } of sizes) process.stdout.write(`dist/${entry}: ${kb} of ${budgetKb} KB\n`);

const heavy = sizes.filter(({ kb, budgetKb }) => kb > budgetKb);
for (const { entry, kb, budgetKb } of heavy) {
  process.stderr.write(
    `dist/${entry} loads ${kb} KB and may load ${budgetKb}: see what came in, and set its budget in deploy/bundles.ts if that is wanted.\n`,
  );
}
process.exitCode = heavy.length > 0 ? 1 : 0;
