import { type FileOperations, NODE_FILES } from '../../../core/journal/file-operations.ts';

export type FileOperation = keyof FileOperations;

export interface FileCall {
  readonly operation: FileOperation;
  readonly path: string; // of the file the call is about; of a rename the new name
  readonly lengthBytes: number; // of a write
}

export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** The real file system, with a look at every call before it is made: the test may throw there, wait or count. */
export class FaultyFiles implements FileOperations {
  readonly calls: FileCall[] = [];
  /** Throws to make the call fail before it does anything. */
  before: (call: FileCall) => void = () => {};
  /** The most bytes one write takes. */
  maxWriteBytes = Infinity;
  readonly #paths = new Map<number, string>();

  open(path: string, flags: 'r' | 'r+' | 'wx+'): number {
    this.#look('open', path);
    const fd = NODE_FILES.open(path, flags);
    this.#paths.set(fd, path);
    return fd;
  }

  write(fd: number, bytes: Uint8Array, offsetBytes: number, lengthBytes: number, positionBytes: number): number {
    this.#look('write', this.#paths.get(fd)!, lengthBytes);
    return NODE_FILES.write(fd, bytes, offsetBytes, Math.min(lengthBytes, this.maxWriteBytes), positionBytes);
  }

  fdatasync(fd: number): void {
    this.#look('fdatasync', this.#paths.get(fd)!);
    NODE_FILES.fdatasync(fd);
  }

  fsync(fd: number): void {
    this.#look('fsync', this.#paths.get(fd)!);
    NODE_FILES.fsync(fd);
  }

  close(fd: number): void {
    this.#look('close', this.#paths.get(fd)!);
    NODE_FILES.close(fd);
    this.#paths.delete(fd);
  }

  rename(from: string, to: string): void {
    this.#look('rename', to);
    NODE_FILES.rename(from, to);
    for (const [fd, path] of this.#paths) if (path === from) this.#paths.set(fd, to);
  }

  unlink(path: string): void {
    this.#look('unlink', path);
    NODE_FILES.unlink(path);
  }

  count(operation: FileOperation): number {
    return this.calls.filter((call) => call.operation === operation).length;
  }

  #look(operation: FileOperation, path: string, lengthBytes = 0): void {
    const call = { operation, path, lengthBytes };
    this.calls.push(call);
    this.before(call);
  }
}
