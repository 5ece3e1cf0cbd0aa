import { AdminError, type AdminRoute } from './admin-route.ts';

/** The text format that Prometheus reads. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface Probes {
  /** @returns why new orders are refused just now; none when they are taken */
  readonly troubles: () => Promise<readonly string[]>;
  /** @returns all metrics in the format of Prometheus */
  readonly metrics: () => Promise<string>;
}

/** Metrics of a process that takes no orders, and whether it answers. @param isOpen whoever reaches the port may read them */
export function metricsRoutes(metrics: Probes['metrics'], isOpen: boolean): AdminRoute[] {
  return [
    { method: 'GET', path: '/healthz', isOpen: true, answer: () => ({ result: 'ok' }) },
    { method: 'GET', path: '/metrics', isOpen, contentType: METRICS_TYPE, answer: metrics },
  ];
}

/**
 * What machines ask. `/healthz` (the process answers) and `/readyz` (it takes orders) need no token: who balances load has
 * none, and they tell next to nothing. Metrics tell how much is traded, and need it.
 */
export function probeRoutes({ troubles, metrics }: Probes): AdminRoute[] {
  return [
    ...metricsRoutes(metrics, false),
    {
      method: 'GET',
      path: '/readyz',
      isOpen: true,
      answer: async () => {
        const found = await troubles();
        if (found.length > 0) throw new AdminError('TryLater', found.join('; '));
        return { result: 'ok' };
      },
    },
  ];
}
