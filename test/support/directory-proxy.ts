import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { inject, onTestFinished } from 'vitest';

/** A connection to the directory, with its two ends. */
interface Line {
  readonly near: Socket;
  readonly far: Socket;
  /** Carries nothing any more, in either direction, and never will again. */
  isDead: boolean;
}

/** The directory behind another address, which carries everything until it is told otherwise. */
export interface DirectoryProxy {
  readonly url: string;
  /** The ports that the server sees its connections come from. */
  ports(): number[];
  /** Resets all connections. */
  reset(): void;
  /** From now on a connection is reset as soon as the server answers on it. */
  resetOnAnswers(): void;
  /** From now on each answer is late by so many milliseconds. */
  delayAnswers(milliseconds: number): void;
  /** From now on connections are taken, and nothing is carried. Those of this time stay dead for good. */
  swallow(): void;
  /** Resets all connections, and refuses new ones from now on. */
  goAway(): Promise<void>;
  /** Carries everything again. */
  recover(): Promise<void>;
}

/** Starts it, until the test is over. */
export async function aDirectoryProxy(): Promise<DirectoryProxy> {
  const target = new URL(inject('databaseUrl'));
  const lines = new Set<Line>();
  let onAnswer: ((line: Line) => Promise<void> | undefined) | undefined;
  let isSwallowing = false;
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;

  async function listen(onPort: number): Promise<Server> {
    const listening = createServer((near) => {
      const far = connect(Number(target.port || 5432), target.hostname);
      const line: Line = { near, far, isDead: isSwallowing };
      lines.add(line);
      for (const socket of [near, far]) {
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('close', () => {
          if (!line.isDead) cut(line);
        });
      }
      near.on('data', (chunk) => {
        if (!line.isDead) far.write(chunk);
      });
      // One after the other: answers may be late, but never out of order.
      let carried = Promise.resolve();
      far.on('data', (chunk) => {
        const hold = onAnswer?.(line);
        carried = carried.then(() => hold).then(() => void (!line.isDead && near.writable && near.write(chunk)));
      });
    }).listen(onPort, '127.0.0.1');
    await once(listening, 'listening');
    return listening;
  }

  function cut(line: Line): void {
    lines.delete(line);
    line.near.resetAndDestroy();
    line.far.destroy();
  }
  function reset(): void {
    for (const line of lines) cut(line);
  }
  onTestFinished(() => {
    server.close();
    reset();
  });

  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return {
    url: url.href,
    ports: () => [...lines].flatMap(({ far }) => far.localPort ?? []),
    reset,
    resetOnAnswers: () => {
      onAnswer = (line) => {
        cut(line);
        return undefined;
      };
    },
    delayAnswers: (milliseconds) => {
      onAnswer = () => delay(milliseconds);
    },
    swallow: () => {
      isSwallowing = true;
      for (const line of lines) line.isDead = true;
    },
    goAway: async () => {
      server.close();
      reset();
      await once(server, 'close');
    },
    recover: async () => {
      onAnswer = undefined;
      isSwallowing = false;
      if (!server.listening) server = await listen(port);
    },
  };
}
