/** The chart's values for a cluster of one node with two CPUs, where the defaults of gate and coder would wait for each other. */
const requests = { cpu: "20m", memory: "64Mi" }

/** Seconds; the judge gives up at half of it. */
export const gateDeadlineSeconds = 120

/** A test of a node that goes away taints the only one; Foreman itself stays. */
const tolerations = [{ operator: "Exists" }]

export const smallValues = {
  operator: { tolerations },
  agent: { slots: 8, tolerations },
  gate: { deadlineSeconds: gateDeadlineSeconds, resources: { requests, limits: { memory: "512Mi" } } },
  coder: { resources: { requests } }
}
