import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: 'schema/*.graphql',
  generates: {
    'src/graphql/generated/resolver-types.ts': {
      plugins: ['typescript', 'typescript-resolvers'],
      config: {
        contextType: '../context.ts#Context',
        mapperTypeSuffix: 'Model',
        mappers: {
          User: '../../model.ts#User',
          Message: '../../model.ts#Message',
          MessageGroup: '../../model.ts#MessageGroup',
          MessageConnection: '../connections.ts#MessagePage',
          MessageGroupConnection: '../connections.ts#MessageGroupPage',
          CreateMessagePayload: '../../messaging/create-message.ts#CreateMessageResult',
          MarkMessageGroupReadPayload: '../../messaging/mark-message-group-read.ts#MarkMessageGroupReadResult',
        },
        scalars: { DateTime: 'string', ID: 'string' },
        enumsAsTypes: true,
        immutableTypes: true,
        useTypeImports: true,
        emitLegacyCommonJSImports: false,
        useIndexSignature: false,
      },
    },
  },
};

export default config;
