export { toWire, type WireItem } from '../dynamodb/attribute-values.ts';
