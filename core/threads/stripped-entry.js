/**
 * The first file of a thread that strips no types: JavaScript, since stripping this one would already be too much. Runs
 * the file that the thread's first argument names, from the texts that `startStrippedWorker` has left for it.
 */
import { registerHooks } from 'node:module';
import { getEnvironmentData } from 'node:worker_threads';

const texts = getEnvironmentData('ringbook.stripped-texts');
registerHooks({
  load(url, context, nextLoad) {
    const source = texts[url];
    if (source === undefined) return nextLoad(url, context);
    return { format: 'module', source, shortCircuit: true };
  },
});
await import(process.argv[2]);
