import { z } from 'zod';
import type { Catalogue } from '../../core/money/catalogue.ts';
import { AdminError, type AdminRoute, inputRoute } from '../../gateway/admin/admin-route.ts';
import { instrumentIdsOf, type KlinesRebuilds } from './rebuilds.ts';

const REBUILD = z.strictObject({
  fromMs: z.number().int().min(0).default(0),
  toMs: z.number().int().min(1).default(Number.MAX_SAFE_INTEGER),
  symbols: z.array(z.string()).default([]),
  verify: z.boolean().default(false),
});

/** Recomputing candles while the exchange runs: begun, looked at, cancelled. */
export function klinesRoutes(rebuilds: KlinesRebuilds, catalogue: Catalogue): AdminRoute[] {
  return [
    inputRoute('/klines/rebuild', REBUILD, async ({ fromMs, toMs, symbols, verify }) => {
      if (fromMs >= toMs) throw new AdminError('InvalidInput', `toMs ${toMs} must be above fromMs ${fromMs}`);
      const instrumentIds = instrumentIdsOf(catalogue, symbols, (message) => {
        throw new AdminError('NotFound', message);
      });
      if (!rebuilds.tryStart({ fromMs, toMs, instrumentIds, isVerifyOnly: verify }))
        throw new AdminError(
          'Conflict',
          'another rebuild is at work: wait for it, or cancel it by /klines/rebuild/cancel',
        );
      return rebuilds.state;
    }),
    { method: 'GET', path: '/klines/rebuild', answer: () => rebuilds.state },
    inputRoute('/klines/rebuild/cancel', z.strictObject({}), async () => {
      await rebuilds.cancel();
      return rebuilds.state;
    }),
  ];
}
