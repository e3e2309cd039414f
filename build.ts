import { buildBundles } from './deploy/bundles.ts';

/** What `npm run build` runs: makes the bundles in dist/, and fails when one weighs more than it may. */
const sizes = await buildBundles('dist');
for (const { name, kb, budgetKb } of sizes) process.stdout.write(`dist/${name}: ${kb} of ${budgetKb} KB\n`);

const heavy = sizes.filter(({ kb, budgetKb }) => kb > budgetKb);
for (const { name, kb, budgetKb } of heavy) {
  process.stderr.write(
    `dist/${name} weighs ${kb} KB and may weigh ${budgetKb}: see what came in, and set its budget in deploy/bundles.ts if it is wanted.\n`,
  );
}
process.exitCode = heavy.length > 0 ? 1 : 0;
