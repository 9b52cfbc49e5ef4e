import type { Engine } from './engine/engine.ts';

/** The engine with some of its methods replaced; all others reach it as they are. */
export function overrideEngine(engine: Engine, methods: Partial<Engine>): Engine {
  return new Proxy(engine, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
