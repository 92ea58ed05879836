FROM python:3.11.13-slim-bookworm
ENV PYTHONUNBUFFERED=1 AIRFLOW_HOME=/opt/insightflow INSIGHTFLOW_HOME=/var/lib/insightflow
WORKDIR /opt/insightflow
COPY requirements.txt .
RUN pip install --no-cache-dir uv==0.13.9 && uv pip install --system --no-cache -r requirements.txt
COPY . .
# uid and gid 101 are the clickhouse user of clickhouse-server: both read the bucket.
RUN groupadd --gid 101 insightflow && useradd --uid 101 --gid 101 --create-home insightflow \
    && mkdir -p /var/lib/insightflow && chown insightflow:insightflow /var/lib/insightflow /opt/insightflow
USER insightflow
