"""What was decided and where each picture is. The only door to SQL."""
