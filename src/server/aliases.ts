import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError } from '../core/errors.ts';
import type { Engine } from './engine/engine.ts';
import { overrideEngine } from './engine-override.ts';

/** Names under which local models are offered, for programs that know only names of real ones: alias to model. */
export type Aliases = Readonly<Record<string, string>>;

const modelName = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)?$/;

/** Refuses aliases that could not be used. */
export function checkAliases(aliases: Aliases, modelsDirectory: string): void {
  const isModel = (name: string): boolean =>
    modelName.test(name) && existsSync(join(modelsDirectory, name, 'config.json'));
  for (const [alias, model] of Object.entries(aliases)) {
    const refuse = (why: string): never => {
      throw new InvalidArgumentError(`The alias ${alias}=${model} cannot be used: ${why}`, {
        details: { alias },
      });
    };
    if (!modelName.test(alias)) refuse(`${JSON.stringify(alias)} is no name of a model`);
    if (isModel(alias)) refuse(`${alias} is a model itself`);
    if (!isModel(model)) refuse(`there is no model ${model} in ${modelsDirectory}`);
  }
}

/** The engine, with its models under their aliases too. */
export function aliasEngine(engine: Engine, aliases: Aliases): Engine {
  const resolve = (name: string): string => resolveAlias(aliases, name);
  return overrideEngine(engine, {
    async models() {
      const models = await engine.models();
      const aliased = Object.entries(aliases).flatMap(([name, aliasOf]) =>
        models.filter((model) => model.name === aliasOf).map((model) => ({ ...model, name, aliasOf })),
      );
      return [...models, ...aliased];
    },
    createModel: (request) => engine.createModel({ ...request, baseModel: resolve(request.baseModel) }),
    createSampler: (request) => engine.createSampler({ ...request, baseModel: resolve(request.baseModel) }),
  });
}

/** What a name really is. */
export function resolveAlias(aliases: Aliases, name: string): string {
  return Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
}
