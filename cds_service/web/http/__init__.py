"""HTTP around the routes: request bodies, time and concurrency limits, authentication, CORS, errors, logs, metrics."""
