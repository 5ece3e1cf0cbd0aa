import { type ChildProcess, execFile } from 'node:child_process';

/** @returns the port that a server prints as `port N` once it listens */
export function printedPort(server: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)));
    server.stdout?.once('data', (chunk: Buffer) => resolve(Number(/port (\d+)/.exec(chunk.toString())?.[1])));
  });
}

/**
 * Runs a program that reads settings as JSON from its input and prints a result as JSON.
 * @throws Error with what it printed, when it fails or takes longer
 */
export function runJson<Result>(program: string, settings: object, timeoutMs: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [program], { timeout: timeoutMs }, (error, stdout) =>
      error ? reject(error) : resolve(JSON.parse(stdout) as Result),
    );
    child.stdin!.end(JSON.stringify(settings));
  });
}
