-- Airflow's metadata beside the application's database.
CREATE DATABASE airflow OWNER insightflow;
