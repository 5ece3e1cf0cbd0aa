import { z } from 'zod';
import { type AdminRoute, inputRoute } from '../gateway/admin/admin-route.ts';

export const HALT_PARTITION_PATH = '/partitions/halt';

/** Of why a partition is halted. */
export const MAX_REASON_CHARACTERS = 2_000;

const HALT = z.strictObject({
  partition: z.number().int().min(0).max(1_023),
  reason: z.string().min(1).max(MAX_REASON_CHARACTERS),
});

/** @param halt halts the partition's instruments. @returns what a worker calls that can't go on with a partition */
export function partitionRoutes(halt: (partition: number, reason: string) => Promise<readonly string[]>): AdminRoute[] {
  return [
    inputRoute(HALT_PARTITION_PATH, HALT, async ({ partition, reason }) => ({
      symbols: await halt(partition, reason),
    })),
  ];
}
