/** In place of the package @apollo/utils.createhash, with which Apollo Server hashes each query. */
export { createHash } from 'node:crypto';
