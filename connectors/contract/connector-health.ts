/** How a connector's service fares, by its last checks. */
export interface ConnectorHealth {
  /** `degraded`: the last check failed, but not often enough in a row to count as down. `unknown`: not looked at yet. */
  state: 'unknown' | 'healthy' | 'degraded' | 'unhealthy';
  /** Why it is not healthy. */
  reason?: string;
  /** How long it is in that state. Milliseconds. */
  stateAgeMs: number;
  /** Since the last check. Milliseconds. */
  checkedAgeMs?: number;
  /** What the last check took. Milliseconds. */
  latencyMs?: number;
}

/** A connector that tells of its health without being asked; whatever extends BaseConnector does. */
export interface HealthSource {
  getHealthReport(): ConnectorHealth;
  /** Calls back whenever the state or its reason has changed. @returns ends it */
  onHealthChange(listener: () => void): () => void;
}
