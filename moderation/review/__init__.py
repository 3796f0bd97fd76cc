"""The review page: a small web application on loopback in which people judge the rows of a sample."""
