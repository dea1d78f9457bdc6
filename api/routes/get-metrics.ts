import type { Request, Response } from 'express';
import type { ApiMetrics } from '../metrics.ts';

/** Prometheus text format. */
export function getMetrics({ registry }: ApiMetrics) {
  return async (_req: Request, res: Response): Promise<void> => {
    const text = await registry.metrics();
    res.setHeader('Content-Type', registry.contentType);
    res.send(text);
  };
}
