import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { LocalStackError } from './errors.ts';
import { end, isRunning, type ProcessMark } from './processes.ts';

/** The stack's folder, held by one process at a time. */
export interface LocalFolder {
  readonly path: string;
  /** Writes down a process that was started, so that it is found should this one be killed. */
  note(started: ProcessMark): Promise<void>;
  release(): Promise<void>;
}

const mark = z.object({ pid: z.int().positive(), mark: z.string().min(1) });
const holderFile = z.object({ owner: mark, started: z.array(mark) });
type Holder = z.infer<typeof holderFile>;

const PATIENCE_MS = 5_000;

/**
 * Takes the folder. What a killed owner left running is ended first.
 *
 * @throws LocalStackError when the folder can't be written to, or its owner still runs
 */
export async function takeFolder(folder: string, owner: ProcessMark): Promise<LocalFolder> {
  const path = resolve(folder);
  const file = join(path, 'running.json');
  let holder: Holder = { owner, started: [] };
  try {
    await mkdir(path, { recursive: true });
    while (!(await claim(file, holder))) await evict(path, file);
  } catch (error) {
    if (error instanceof LocalStackError) throw error;
    throw new LocalStackError(
      `The folder ${path} can't be written to (${(error as Error).message}): make it writable, or set LOCAL_DIR to another one.`,
    );
  }
  return {
    path,
    note: async (started) => {
      holder = { ...holder, started: [...holder.started, started] };
      await writeWhole(file, holder);
    },
    release: () => rm(file, { force: true }),
  };
}

/** A link appears with its content and never replaces another's, so that two claims can't both succeed. */
async function claim(file: string, holder: Holder): Promise<boolean> {
  const draft = `${file}.${process.pid}`;
  try {
    await writeFile(draft, JSON.stringify(holder));
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function evict(path: string, file: string): Promise<void> {
  const holder = await readHolder(file);
  if (holder && (await isRunning(holder.owner))) {
    throw new LocalStackError(
      `The folder ${path} is in use by process ${holder.owner.pid}: stop that one, or set LOCAL_DIR and PORT to start a second stack.`,
    );
  }
  await Promise.all((holder?.started ?? []).map((each) => end(each, PATIENCE_MS)));
  await rm(file, { force: true });
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return holderFile.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

async function writeWhole(file: string, holder: Holder): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, JSON.stringify(holder));
  await rename(draft, file);
}
