{{ mart(['account', 'campaign']) }}
