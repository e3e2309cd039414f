/** Clocks that differ by more than this are far apart, in milliseconds. Less may be a slow reply: the `Date` header counts whole seconds. */
const FAR_APART_MS = 30_000;

/** The SDK keeps what it learned of DynamoDB's clock here, from the `Date` header of each reply. */
export interface ClockConfig {
  /** DynamoDB's clock minus this machine's, in milliseconds. */
  readonly systemClockOffset: number;
}

/** Returns the time in milliseconds since 1970: this machine's, or DynamoDB's where the two are far apart. */
export function correctedTime({ systemClockOffset }: ClockConfig): number {
  return Date.now() + (Math.abs(systemClockOffset) > FAR_APART_MS ? systemClockOffset : 0);
}

/** Whether the SDK would learn another time from a reply, by its headers. A reply from a cache tells no time. */
export function showsAnotherTime(
  headers: Readonly<Record<string, string>>,
  { systemClockOffset }: ClockConfig,
): boolean {
  if (headers['age'] !== undefined) return false;
  const difference = Date.parse(headers['date'] ?? '') - (Date.now() + systemClockOffset);
  return Math.abs(difference) > FAR_APART_MS;
}
