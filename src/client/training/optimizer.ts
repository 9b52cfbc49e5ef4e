import { InvalidArgumentError } from '../../core/errors.ts';
import {
  adamParamsSchema,
  dimuonParamsSchema,
  optimizerConfigs,
  type OptimizerConfig,
  type OptimizerConfigInput,
  type OptimParams,
  type OptimParamsInput,
} from '../../types/training.ts';

/** The optimizer of a new model as it travels; one of a type that we do not know passes with its fields. */
export function checkOptimizerConfig(config: OptimizerConfigInput): OptimizerConfig {
  const type: unknown = config?.type;
  if (typeof type !== 'string' || type === '') {
    throw new InvalidArgumentError(`optimizer_config.type must name an optimizer, such as adamw or dimuon`);
  }
  const schema = Object.hasOwn(optimizerConfigs, type)
    ? optimizerConfigs[type as keyof typeof optimizerConfigs]
    : undefined;
  return schema === undefined ? config : parse<OptimizerConfig>(schema, config, 'optimizer_config');
}

/** The parameters of a step under the key that their kind has. They must be those of the model's optimizer, where that is told. */
export function checkOptimParams(
  params: OptimParamsInput,
  config: OptimizerConfig | null | undefined,
): OptimParams {
  const { type = 'adamw', ...fields } = params;
  if (config != null && config.type !== type) {
    const wanted = config.type === 'adamw' ? "Adam's parameters" : `{ type: '${config.type}', … }`;
    throw new InvalidArgumentError(
      `optimStep: the optimizer of this model is ${config.type}, since its creation: give ${wanted}, not ${type}'s`,
    );
  }
  if (type === 'adamw') return { adam_params: parse(adamParamsSchema, fields, 'optimStep') };
  if (type === 'dimuon') return { optimizer_params: parse(dimuonParamsSchema, params, 'optimStep') };
  return { optimizer_params: { ...fields, type } };
}

interface Schema<Value> {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: Value }
    | { success: false; error: { issues: readonly { path: PropertyKey[]; message: string }[] } };
}

function parse<Value>(schema: Schema<Value>, value: object, what: string): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InvalidArgumentError(
    `${what}: ${[issue?.path.join('.'), issue?.message ?? 'is not valid'].filter(Boolean).join(' ')}`,
  );
}
