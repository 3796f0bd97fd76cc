"""What the DAGs share. Parsing a DAG must stay cheap: nothing here imports pyspark, torch or the project itself."""
