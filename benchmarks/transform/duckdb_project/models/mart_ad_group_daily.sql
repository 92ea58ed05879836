{{ mart(['account', 'campaign', 'ad_group']) }}
