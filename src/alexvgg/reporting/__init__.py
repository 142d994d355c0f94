"""From metrics to tables and figures: imports neither TensorFlow nor MLflow."""
