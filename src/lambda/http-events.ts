import { withoutPort } from '../http/forwarded.ts';

/**
 * The events in which AWS hands an HTTP request to a function, each as far as it matters here: by an HTTP API in payload format 2.0 or
 * 1.0, by a REST API, and by an Application Load Balancer. See "AWS Lambda proxy integrations" in the API Gateway developer guide and
 * "Lambda functions as targets" in the guide to Application Load Balancers.
 */
export type HttpEvent = HttpApiEvent | RestApiEvent | LoadBalancerEvent;

interface EventBody {
  readonly body?: string | null;
  readonly isBase64Encoded: boolean;
}

/** Payload format 2.0. */
export interface HttpApiEvent extends EventBody {
  readonly version: '2.0';
  /** With the stage's name in front, unless the stage is `$default`. */
  readonly rawPath: string;
  readonly rawQueryString: string;
  /** By their names in lower case. The values of a repeated header are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly requestContext: {
    readonly stage: string;
    readonly http: { readonly method: string; readonly sourceIp: string };
  };
}

type Values = Readonly<Record<string, readonly string[]>>;

/** A REST API's format, which is also an HTTP API's payload format 1.0. */
export interface RestApiEvent extends EventBody {
  readonly httpMethod: string;
  readonly path: string;
  readonly multiValueHeaders: Values | null;
  /** Decoded. */
  readonly multiValueQueryStringParameters: Values | null;
  readonly requestContext: {
    readonly stage: string;
    /** Always with the stage, which `path` has only in payload format 1.0. */
    readonly path: string;
    readonly identity: { readonly sourceIp: string };
  };
}

/** A target group sends either single values or, if its attribute says so, lists. */
export interface LoadBalancerEvent extends EventBody {
  readonly httpMethod: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Values;
  /** As the client encoded them. */
  readonly queryStringParameters?: Readonly<Record<string, string>>;
  readonly multiValueQueryStringParameters?: Values;
  readonly requestContext: { readonly elb: object };
}

/** A request, whatever event it came in. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query string, without a stage. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sourceIp: string;
}

/** Reads the request out of an event, but for its body. */
export function requestOf(event: HttpEvent): HttpRequest {
  if ('rawPath' in event) {
    const { rawPath, rawQueryString, headers, requestContext } = event;
    const { method, sourceIp } = requestContext.http;
    // The parameters that come beside the query string are decoded, and cut or joined at commas.
    return { method, url: urlOf(withoutStage(rawPath, requestContext.stage), rawQueryString), headers, sourceIp };
  }
  return 'elb' in event.requestContext ? ofLoadBalancer(event as LoadBalancerEvent) : ofRestApi(event as RestApiEvent);
}

function ofRestApi({ httpMethod, path, requestContext, ...event }: RestApiEvent): HttpRequest {
  const query = new URLSearchParams(pairs(event.multiValueQueryStringParameters)).toString();
  const headers = joined(event.multiValueHeaders);
  // A REST API passes a compressed body on as base64, unless its binary media types are set. It can compress by itself.
  delete headers['accept-encoding'];
  return {
    method: httpMethod,
    url: urlOf(path === requestContext.path ? withoutStage(path, requestContext.stage) : path, query),
    headers,
    sourceIp: requestContext.identity.sourceIp,
  };
}

function ofLoadBalancer({ httpMethod, path, ...event }: LoadBalancerEvent): HttpRequest {
  const query = [
    ...Object.entries(event.queryStringParameters ?? {}),
    ...pairs(event.multiValueQueryStringParameters),
  ].map(([name, value]) => `${name}=${value}`);
  const headers = { ...event.headers, ...joined(event.multiValueHeaders) };
  // The load balancer appends the address that it sees. All before that is the client's own.
  const sourceIp = withoutPort(headers['x-forwarded-for']?.split(',').at(-1) ?? '');
  return { method: httpMethod, url: urlOf(path, query.join('&')), headers, sourceIp };
}

function withoutStage(path: string, stage: string): string {
  return path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path;
}

function urlOf(path: string, query: string): string {
  return query ? `${path}?${query}` : path;
}

function pairs(values: Values | null | undefined): [string, string][] {
  return Object.entries(values ?? {}).flatMap(([name, all]) => all.map((value): [string, string] => [name, value]));
}

/** By names in lower case, with the values of repeated headers joined by commas, as payload format 2.0 has them. */
function joined(values: Values | null | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(values ?? {}).map(([name, all]) => [name.toLowerCase(), all.join(',')]));
}
