export default {
  schema: "schema.graphql",
  documents: ["page.ts"],
  generates: {
    "generated/": {
      preset: "client",
      config: {
        strictScalars: true,
        enumsAsTypes: true,
        // the JSON type of each scalar
        scalars: {
          BigInt: { input: "number | string", output: "number | string" },
          DateTime: "string",
          Decimal: { input: "number | string", output: "string" },
          JSON: "unknown",
        },
      },
    },
  },
};
