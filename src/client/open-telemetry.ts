import { InvalidArgumentError } from '../core/errors.ts';
import type { StartSpan } from '../core/tracing.ts';
import { packageVersion } from '../core/version.ts';

/**
 * Spans by OpenTelemetry, under the caller's active span. Its API package is an optional peer, loaded only when tracing is
 * asked for. Throws InvalidArgumentError when it is not installed.
 */
export async function createOpenTelemetrySpans(): Promise<StartSpan> {
  const { context, propagation, SpanKind, SpanStatusCode, trace } = await loadApi();
  const tracer = trace.getTracer('tinker-ts', packageVersion);
  return (name) => {
    const span = tracer.startSpan(name, { kind: SpanKind.CLIENT });
    const headers: Record<string, string> = {};
    propagation.inject(trace.setSpan(context.active(), span), headers);
    return {
      headers,
      set: (attribute, value) => void span.setAttribute(`tinker.${attribute}`, value),
      end(error) {
        if (error !== undefined) {
          const failure = error instanceof Error ? { message: error.message } : {};
          span.setStatus({ code: SpanStatusCode.ERROR, ...failure });
        }
        span.end();
      },
    };
  };
}

async function loadApi() {
  try {
    return await import('@opentelemetry/api');
  } catch (cause) {
    throw new InvalidArgumentError(
      'tracing needs the package @opentelemetry/api: npm install @opentelemetry/api',
      { cause },
    );
  }
}
