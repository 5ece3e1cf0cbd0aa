import type { ChildProcess } from 'node:child_process';

/** @returns the port that a server prints as `port N` once it listens */
export function printedPort(server: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)));
    server.stdout?.once('data', (chunk: Buffer) => resolve(Number(/port (\d+)/.exec(chunk.toString())?.[1])));
  });
}
