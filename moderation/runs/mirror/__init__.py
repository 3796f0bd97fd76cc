"""A copy of what an output publishes, elsewhere: on an object store as Delta tables, on HDFS as those or as Parquet."""
