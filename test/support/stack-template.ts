import { parameterDefinitions, type Stack, stackOf } from './cloudformation.ts';

const TEMPLATE = new URL('../../deploy/template.yaml', import.meta.url);

/** The parameters that have no default, and a network. */
const PARAMETERS = {
  UserPoolId: 'eu-central-1_AbCdEfGhI',
  UserPoolClientId: '1h57kf5cpq17m0eml12EXAMPLE',
  DatabaseSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:directory-AbCdEf',
  SubnetIds: 'subnet-1,subnet-2',
  SecurityGroupIds: 'sg-1',
};

/** The parameters of deploy/template.yaml. */
export const deployedParameters = parameterDefinitions(TEMPLATE);

/** What deploy/template.yaml makes. */
export function deployedStack(parameters: Readonly<Record<string, string>> = {}): Stack {
  return stackOf(TEMPLATE, { ...PARAMETERS, ...parameters });
}
