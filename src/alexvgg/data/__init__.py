"""From an archive to arrays: nothing here imports TensorFlow."""
