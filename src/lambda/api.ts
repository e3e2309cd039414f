import { composeApi } from '../compose-api.ts';
import { readApiConfig } from '../config/api.ts';
import { createHttpApiHandler } from './http-api.ts';

/** The API as an AWS Lambda function, behind an HTTP API with payload format 2.0. */
const { server } = await composeApi({
  ...readApiConfig(process.env),
  // A function serves one request at a time.
  overload: undefined,
});
// All that can be done before the first request is done here, where a function has a whole processor, whatever its memory: this
// connects to the parts, for at most 2 s, and starts also when one does not answer.
await server.inject('/health/ready');
export const handler = createHttpApiHandler(server);
