"""What the DAGs do: which days a run covers, its steps, and the task group that both DAGs share."""
