import { z } from 'zod';
import { MAX_NOTICE_ROWS, type NoticeKind, type Notices } from '../../core/ports/notices.ts';
import { type AdminRoute, inputRoute } from './admin-route.ts';

const KINDS: Record<NoticeKind, true> = {
  'ledger-unavailable': true,
  'ledger-usable': true,
  'disk-full': true,
  'disk-has-room': true,
  'partition-stopped': true,
  'transfer-stuck': true,
  'job-parked': true,
  'job-loop': true,
  'audit-breach': true,
  operator: true,
};
const kind = z.enum(Object.keys(KINDS) as NoticeKind[]);
const LIST = z.strictObject({
  kind: kind.optional(),
  sinceMs: z.number().int().min(0).optional(),
  limit: z.number().int().min(1).max(MAX_NOTICE_ROWS).default(50),
});
const RAISED = z.strictObject({
  kind: kind.default('operator'),
  text: z.string().min(1).max(1_000),
  facts: z.record(z.string(), z.json()).default({}),
});

/** What the exchange has told its operators, and a way for their own programs to tell them something. */
export function noticeRoutes(notices: Notices): AdminRoute[] {
  return [
    inputRoute('/notices/list', LIST, ({ kind: wanted, sinceMs, limit }) =>
      notices.list({
        ...(wanted === undefined ? {} : { kind: wanted }),
        ...(sinceMs === undefined ? {} : { sinceMs }),
        limit,
      }),
    ),
    inputRoute('/notices', RAISED, async (notice) => {
      notices.raise(notice);
      return { result: 'ok' };
    }),
  ];
}
