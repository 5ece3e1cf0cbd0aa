/** The folder's own files contradict each other, or Redis is not ours to overwrite: what is there stays as it is. */
export class RebuildRefusedError extends Error {
  override readonly name = 'RebuildRefusedError';
}
