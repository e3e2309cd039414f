/** Puts a UUID that a client sends into the spelling that this API gives out: lower case. RFC 9562 section 4 allows capitals in input. */
export function normalizeId(id: string): string {
  return id.toLowerCase();
}
