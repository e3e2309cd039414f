import type { Difference } from '../../summaries/audit.ts';

/** A difference as a line of text. */
export function describe({ userId, messageGroupId, fields, found, expected }: Difference): string {
  const details = fields.map((field) => {
    if (field === 'missing' || field === 'orphan') return field;
    return `${field} is ${JSON.stringify(found?.[field])}, should be ${JSON.stringify(expected?.[field])}`;
  });
  return `user ${userId} group ${messageGroupId}: ${details.join('; ')}`;
}
