import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** @returns a full collection to call: what one arm leaves behind is not collected while another is timed */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
