import { validate as isUuid } from 'uuid';

/** Puts a UUID that a client sends into lower case, as the API gives ids out; RFC 9562 allows capitals in input. Leaves other texts. */
export function normalizeId(id: string): string {
  return isUuid(id) ? id.toLowerCase() : id;
}
