/**
 * Whether an event filter of Lambda lets an event through: each field of the pattern has to have one of the values, or
 * match one of the rules, of its list. See "Filter rule syntax" in the AWS Lambda developer guide, of which this knows
 * exact values and prefixes.
 */
export function matchesPattern(pattern: unknown, event: unknown): boolean {
  if (Array.isArray(pattern)) return pattern.some((rule) => matchesRule(rule, event));
  if (!isObject(pattern)) throw new Error(`A pattern has lists for its values, and no ${JSON.stringify(pattern)}`);
  return isObject(event) && Object.entries(pattern).every(([field, inner]) => matchesPattern(inner, event[field]));
}

function matchesRule(rule: unknown, value: unknown): boolean {
  if (!isObject(rule)) return rule === value;
  const { prefix, ...unknown } = rule;
  if (typeof prefix !== 'string' || Object.keys(unknown).length > 0) {
    throw new Error(`This knows no rule ${JSON.stringify(rule)}`);
  }
  return typeof value === 'string' && value.startsWith(prefix);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
